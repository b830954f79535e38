import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import rememberLab from "../../pages/components/known_labs/known_labs.js";

const STORED = "digit-lab-known-labs";
let told = [];

const open = (lab, isOwn) => rememberLab({ data: { lab, isOwn }, setTriggerValue: (...values) => told.push(values) });

beforeEach(() => {
  told = [];
  const texts = new Map();
  globalThis.localStorage = {
    getItem: (name) => texts.get(name) ?? null,
    setItem: (name, text) => texts.set(name, text),
  };
});

test("a lab of another device is reported once", () => {
  open("a", false);
  open("a", false);
  assert.deepEqual(told, [["is_new", true]]);
});

test("a lab that this browser has created is never reported", () => {
  open("a", true);
  open("a", false);
  assert.deepEqual(told, []);
});

test("a lab that is not stored yet is not remembered", () => {
  open("", true);
  assert.equal(localStorage.getItem(STORED), null);
});

test("the browser remembers a limited number of labs", () => {
  for (let lab = 0; lab < 60; lab += 1) open(String(lab), true);
  assert.equal(JSON.parse(localStorage.getItem(STORED)).length, 50);
});

test("a browser without storage, or with another value in it, causes no error", () => {
  localStorage.setItem(STORED, "{}");
  open("a", false);
  assert.equal(told.length, 1);
  globalThis.localStorage = { getItem: () => { throw new Error("denied"); } };
  open("b", false);
  assert.equal(told.length, 1);
});
