// Shrinks a large photograph before it is uploaded. The server reduces each picture to about 1,000 px anyway.

const LARGE = 4_000_000;  // bytes
const MAX_SIDE = 2400;  // px
const QUALITY = 0.95;
const PHOTOGRAPH = /^image\/(?:jpeg|heic|heif)$/u;  // These types are seldom transparent, so that JPEG loses nothing.
let isReplaced = false;

async function shrink(file) {
  const image = await createImageBitmap(file);
  const scale = MAX_SIDE / Math.max(image.width, image.height);
  if (scale >= 1) return file;
  const canvas = new OffscreenCanvas(Math.round(image.width * scale), Math.round(image.height * scale));
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  image.close();
  const content = await canvas.convertToBlob({ type: "image/jpeg", quality: QUALITY });
  return new File([content], file.name.replace(/\.\w*$/u, ".jpg"), { type: content.type });
}

/** Replace a large photograph that the user has chosen in Streamlit's file input. A file that the browser cannot read is kept. */
export async function shrinkChosen(event) {
  const input = event.target;
  const file = input.matches?.(".st-key-picture input[type=file]") ? input.files[0] : null;
  if (isReplaced || !file || file.size < LARGE || !PHOTOGRAPH.test(file.type)) return;
  event.stopImmediatePropagation();
  const chosen = new DataTransfer();
  chosen.items.add(await shrink(file).catch(() => file));
  input.files = chosen.files;
  isReplaced = true;
  input.dispatchEvent(new Event("change", { bubbles: true }));
  isReplaced = false;
}
