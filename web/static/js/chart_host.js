/** A place for the candle chart, whose script is loaded only where it is shown; it follows the colours of the page. */
import { useEffect, useRef, useState } from "./lib.js";

/** [ref of the place, the chart once it is there]. */
export function useChart({ precision, onHover = () => {}, onDrag = () => {} }) {
  const host = useRef(null);
  const [view, setView] = useState(null);
  useEffect(() => {
    let made = null, gone = false;
    import("./chart_view.js").then(({ ChartView }) => {
      if (gone) return;
      made = new ChartView(host.current, { precision, onHover, onDrag });
      setView(made);
    });
    return () => { gone = true; made?.remove(); };
  }, []);
  useEffect(() => {
    if (!view) return undefined;
    const watcher = new MutationObserver(() => view.recolour());
    watcher.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme", "data-palette", "lang"] });
    return () => watcher.disconnect();
  }, [view]);
  return [host, view];
}
