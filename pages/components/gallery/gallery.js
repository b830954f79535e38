// Lets the user select buttons in a grid. The server renders the buttons.
export default function showGallery({ data, parentElement, setStateValue }) {
  const grid = parentElement.querySelector(".grid");
  grid.innerHTML = data.cells;
  const buttons = [...grid.querySelectorAll("button")];
  const selected = new Set(data.selected);
  const showSelection = () => {
    for (const button of buttons) button.setAttribute("aria-pressed", selected.has(button.value));
  };
  showSelection();
  for (const button of buttons) {
    button.onclick = () => {
      const wasSelected = selected.has(button.value);
      if (!data.multiple) selected.clear();
      if (wasSelected && data.multiple) selected.delete(button.value);
      else selected.add(button.value);
      showSelection();
      setStateValue("selected", [...selected]);
    };
  }
}
