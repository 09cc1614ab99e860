// Makes the page live: when the server says that something changed, this script fetches the page again and replaces the
// parts that are marked data-live. It does not touch forms.
"use strict";
(() => {
  const state = document.getElementById("live-state");
  const parts = () => [...document.querySelectorAll("[data-live]")];
  if (!parts().length || !window.EventSource) return;
  let source = null, timer = 0, busy = false, again = false;
  const say = (text) => { if (state.textContent !== text) state.textContent = text; };

  async function look() {
    if (busy) { again = true; return; }
    busy = true;
    try {
      const answer = await fetch(location.href, { credentials: "same-origin", cache: "no-store" });
      if (answer.status === 401 || answer.status === 403) { source.close(); location.reload(); return; }
      if (!answer.ok) say(`not live: the server answers ${answer.status}`);
      else if (source?.readyState === EventSource.OPEN) say("live");
      if (answer.ok) put(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch { /* the stream reports when the server is back */ }
    busy = false;
    if (again) { again = false; look(); }
  }

  function put(page) {
    const focused = document.activeElement?.href;
    for (const part of parts()) {
      const other = page.getElementById(part.id);
      if (other) part.replaceWith(document.adoptNode(other));
    }
    if (focused && document.activeElement?.href !== focused) [...document.links].find((link) => link.href === focused)?.focus({ preventScroll: true });
  }

  function open() {
    source = new EventSource("/live");
    source.onopen = () => say("live");
    source.onerror = () => {
      say("not live: no answer");
      // A browser does not reopen a stream that was refused, for example by a proxy while the server restarts.
      if (source.readyState === EventSource.CLOSED) timer = setTimeout(reopen, 3000);
    };
    source.addEventListener("look", look);
  }

  function reopen() {
    clearTimeout(timer);
    source.close();
    if (!document.hidden) { look(); open(); }
  }

  document.addEventListener("visibilitychange", reopen);
  open();
})();
