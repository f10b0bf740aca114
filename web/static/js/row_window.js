/** Of many rows only those in sight and some around them are drawn; the others are empty space of the same height. */
import { useEffect, useLayoutEffect, useRef, useState } from "./lib.js";

const ALL_UP_TO = 60, AROUND = 8, ROW_PX = 58;

/** Which rows of `body` to draw, [from, to), and the heights of the space before and after them, in px. */
export function useRowWindow(body, count) {
  const [from, setFrom] = useState(0);
  const row = useRef(ROW_PX);
  const size = Math.ceil(innerHeight / row.current) + 2 * AROUND;
  const many = count > ALL_UP_TO;
  const first = many ? Math.max(0, Math.min(from, count - size)) : 0;
  const last = many ? Math.min(count, first + size) : count;
  // Asked only when other rows are drawn: an answer makes the browser lay out the page at once.
  useLayoutEffect(() => {
    if (!many || !body.current) return;
    const drawn = [...body.current.querySelectorAll("[data-coin]")];
    const height = drawn.length ? drawn.at(-1).getBoundingClientRect().bottom - drawn[0].getBoundingClientRect().top : 0;
    // Rows differ in height by a line; the space before them stays as long as they do not differ by much.
    if (height && Math.abs(height / drawn.length / row.current - 1) > .15) row.current = height / drawn.length;
  }, [first, last, innerWidth]);
  useEffect(() => {
    if (!many) return undefined;
    let asked = 0;
    const look = () => {
      asked = 0;
      if (!body.current) return;
      const above = Math.floor(-body.current.getBoundingClientRect().top / row.current) - AROUND;
      // In steps of four, so that few scrolls draw anything and two columns of cards stay in place.
      setFrom(Math.max(0, above - (((above % 4) + 4) % 4)));
    };
    const moved = () => { asked ||= requestAnimationFrame(look); };
    addEventListener("scroll", moved, { passive: true });
    addEventListener("resize", moved);
    look();
    return () => { cancelAnimationFrame(asked); removeEventListener("scroll", moved); removeEventListener("resize", moved); };
  }, [many]);
  return { from: first, to: last, before: first * row.current, after: (count - last) * row.current };
}
