const toast = document.getElementById('toast');
const DEFAULT_MS = 10_000;
let timer;

/** Shows a line above the page for some time, with one button. The line moves nothing else. */
export function showToast(text, { action, run, forMs = DEFAULT_MS } = {}) {
  clearTimeout(timer);
  toast.replaceChildren(text);
  if (action) {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = action;
    button.addEventListener('click', run);
    toast.append(button);
  }
  timer = setTimeout(hideToast, forMs);
}

export function hideToast() {
  clearTimeout(timer);
  toast.replaceChildren();
}
