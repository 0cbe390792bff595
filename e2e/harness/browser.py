"""A headless Chromium, spoken to over two pipes (the DevTools protocol)."""

import base64
import json
import os
import select

from .processes import tool

# Nothing is fetched: a message that wants something from outside shows it.
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND", "--remote-debugging-pipe"),
)
# What a reader sees and could trip over. Contrast by WCAG 2.1 §1.4.3.
INSPECT = """(() => {
  const channel = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const colour = text => { const n = text.match(/[\\d.]+/g).map(Number); return n.length > 3 && n[3] === 0 ? null : n; };
  const behind = element => {
    for (; element; element = element.parentElement) {
      const found = colour(getComputedStyle(element).backgroundColor);
      if (found) return found;
    }
    return matchMedia('(prefers-color-scheme: dark)').matches && getComputedStyle(document.documentElement)
      .colorScheme.includes('dark') ? [18, 18, 18] : [255, 255, 255];
  };
  const pale = [], tiny = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const text = walk.currentNode.textContent.trim(), element = walk.currentNode.parentElement;
    if (!text || !element.getClientRects().length) continue;
    const style = getComputedStyle(element);
    const [a, b] = [light(colour(style.color) || [0, 0, 0]), light(behind(element))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) pale.push(text.slice(0, 40) + ' ' + ((a + 0.05) / (b + 0.05)).toFixed(2));
    if (parseFloat(style.fontSize) < 11) tiny.push(text.slice(0, 40) + ' ' + style.fontSize);
  }
  return {
    width: document.documentElement.scrollWidth,
    text: document.body.innerText,
    links: [...document.querySelectorAll('a[href]')].map(a => a.href),
    fetched: performance.getEntriesByType('resource').map(entry => entry.name),
    pale, tiny,
  };
})()"""


class Browser:
    def __init__(self, processes):
        from_us, self.out = os.pipe()
        self.into, to_us = os.pipe()
        # Chromium reads from 3 and writes to 4, whatever the numbers are here.
        script = f'exec "$@" 3<&{from_us} 4>&{to_us}'
        words = [tool("chromium"), *OPTIONS, f"--user-data-dir={processes.folder / 'chromium'}"]
        self.process = processes.start("chromium", ["sh", "-c", script, "sh", *words], pass_fds=(from_us, to_us))
        os.close(from_us)
        os.close(to_us)
        self.processes, self.number, self.unread = processes, 0, b""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Page.enable")

    session = None

    def call(self, method, **parameters):
        self.number += 1
        request = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            request["sessionId"] = self.session
        os.write(self.out, json.dumps(request).encode() + b"\0")
        return self._until(lambda answer: answer.get("id") == self.number, method)["result"]

    def _until(self, wanted, what):
        while True:
            answer = self._next()
            if wanted(answer):
                if "error" in answer:
                    raise RuntimeError(f"{what}: {answer['error']}")
                return answer

    def _next(self):
        while b"\0" not in self.unread:
            # One that hangs is as good as gone.
            ready = select.select([self.into], [], [], 180)[0]
            read = ready and os.read(self.into, 1 << 20)
            if not read:
                raise RuntimeError(f"Chromium is gone\n{self.processes.log('chromium')}")
            self.unread += read
        message, self.unread = self.unread.split(b"\0", 1)
        return json.loads(message)

    def show(self, file, width, dark, picture):
        """Renders `file` and keeps a picture of it; what there is to see."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=600, deviceScaleFactor=1, mobile=width < 500)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url=file.as_uri())
        self._until(lambda answer: answer.get("method") == "Page.loadEventFired", "loading")
        seen = self.call("Runtime.evaluate", expression=INSPECT, returnByValue=True)
        if "exceptionDetails" in seen:
            raise RuntimeError(seen["exceptionDetails"])
        taken = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        picture.write_bytes(base64.b64decode(taken["data"]))
        return seen["result"]["value"]

    def stop(self):
        self.processes.end(self.process)
        os.close(self.out)
        os.close(self.into)
