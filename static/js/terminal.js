/* Open terminal window: a partition's console over one web socket. Binary messages are keys and output; text messages
   are the console's own words. Each connection begins with a token that a form of this page has just got. */
import { Terminal } from "../vendor/xterm/xterm.mjs";

const COLUMNS = 80;
const ROWS = 24; // what a serial line without a size is taken for
const MARGIN_PX = 32; // the cursor comes no closer to the edge
const LONGEST_BYTES = 1024; // of a message; the server takes four times as many
const STAY_MS = 60000; // whoever types is here: that keeps the session as a page does, so often

const part = document.getElementById("terminal-part");
const screen = document.getElementById("terminal");
const form = document.getElementById("terminal-form");
const button = document.getElementById("terminal-connect");
const state = document.getElementById("terminal-state");
const news = document.getElementById("terminal-news");
const lost = document.getElementById("terminal-lost");
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const TONES = { connecting: "busy", open: "good", ended: "quiet" };
let socket = null;
let stayed = Date.now();

/* xterm.js fills <style> elements, which the page's policy forbids, and sets colours as an attribute, which it forbids
   as well. What scripts give to a constructed sheet and to a style object is allowed. */
function keepingThePolicy(open) {
  const setAttribute = HTMLSpanElement.prototype.setAttribute;
  HTMLSpanElement.prototype.setAttribute = function (name, value) {
    if (name === "style") this.style.cssText = value;
    else setAttribute.call(this, name, value);
  };
  const create = document.createElement;
  document.createElement = function (name, options) {
    return name === "style" ? sheetInPlace(create) : create.call(document, name, options);
  };
  try {
    open();
  } finally {
    delete document.createElement; // the prototype's is there again
  }
}

/* An element that shows nothing, and whose text becomes the sheet's. */
function sheetInPlace(create) {
  const element = create.call(document, "template");
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  Object.defineProperty(element, "textContent", { set: (text) => sheet.replaceSync(text) });
  return element;
}

function theme() {
  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  return {
    background: token("panel"),
    foreground: token("text"),
    cursor: token("accent"),
    cursorAccent: token("on-accent"),
    selectionBackground: token("busy-edge"),
    selectionForeground: dark.matches ? "#11161f" : "#1b2434",
  };
}

const terminal = new Terminal({
  cols: COLUMNS,
  rows: ROWS,
  scrollback: 2000,
  fontFamily: getComputedStyle(document.documentElement).getPropertyValue("--mono"),
  fontSize: 14,
  minimumContrastRatio: 4.5,
  screenReaderMode: true,
  disableStdin: true,
  theme: theme(),
});
Terminal.strings.promptLabel = screen.dataset.input;
Terminal.strings.tooMuchOutput = screen.dataset.tooMuch;

function show(name) {
  for (const words of state.children) words.hidden = words.dataset.when !== name;
  state.className = `state ${TONES[name]}`;
  terminal.options.disableStdin = name !== "open";
  button.hidden = name !== "ended";
}

/* An answer of the console, or null where none came. */
function tell(message) {
  show("ended");
  lost.hidden = message !== null;
  news.hidden = message === null;
  if (message === null) return;
  const [text, more] = news.querySelectorAll("p");
  text.textContent = message.text;
  more.hidden = message.address === undefined;
  if (more.hidden) return;
  more.firstElementChild.href = message.address;
  more.firstElementChild.textContent = message.title;
}

async function connect() {
  show("connecting");
  lost.hidden = news.hidden = true;
  let answer;
  try {
    const response = await fetch(form.action, { method: "POST", body: new FormData(form), redirect: "manual" });
    if (response.type === "opaqueredirect" || response.status === 403) {
      location.reload(); // leads to the log-in, or says what is missing
      return;
    }
    answer = await response.json();
  } catch {
    tell(null);
    return;
  }
  if (answer.token === undefined) tell(answer);
  else open(answer.token);
}

function open(token) {
  const opened = new WebSocket(new URL(part.dataset.socket, location.href.replace(/^http/, "ws")));
  opened.binaryType = "arraybuffer";
  socket = opened;
  let ending = null;
  opened.addEventListener("open", () => opened.send(token));
  opened.addEventListener("message", function (event) {
    if (typeof event.data !== "string") terminal.write(new Uint8Array(event.data));
    else if ((ending = JSON.parse(event.data)).state === "open") begin();
  });
  opened.addEventListener("close", function () {
    if (socket !== opened) return;
    socket = null;
    tell(ending !== null && ending.state === "ended" ? ending : null);
  });
}

/* The console shows its last output once more. */
function begin() {
  terminal.reset();
  show("open");
  terminal.focus();
}

function type(bytes) {
  if (socket === null || socket.readyState !== WebSocket.OPEN) return;
  for (let at = 0; at < bytes.length; at += LONGEST_BYTES) socket.send(bytes.slice(at, at + LONGEST_BYTES));
  if (Date.now() - stayed < STAY_MS) return;
  stayed = Date.now();
  document.querySelector("#idle form").requestSubmit();
}

function isWayOut(event) {
  return event.ctrlKey && event.shiftKey && event.code === "KeyX";
}

terminal.onData((text) => type(new TextEncoder().encode(text)));
terminal.onBinary((text) => type(Uint8Array.from(text, (sign) => sign.charCodeAt(0))));
terminal.attachCustomKeyEventHandler(function (event) {
  if (!isWayOut(event)) return true;
  event.preventDefault();
  (button.hidden ? form.querySelector("a") : button).focus();
  return false;
});
form.addEventListener("submit", function (event) {
  event.preventDefault();
  connect();
});
/* In a window that is narrower than the columns. */
terminal.onCursorMove(function () {
  const at = (terminal.buffer.active.cursorX / COLUMNS) * screen.scrollWidth;
  const seen = at - screen.scrollLeft;
  if (seen < 0 || seen > screen.clientWidth - MARGIN_PX) screen.scrollLeft = at - screen.clientWidth / 2;
});
dark.addEventListener("change", () => (terminal.options.theme = theme()));
window.addEventListener("pagehide", () => socket?.close());

document.getElementById("terminal-without").remove();
part.hidden = false;
keepingThePolicy(() => terminal.open(screen));
connect();
