/** The one place that knows where Preact comes from. */
export {
  Component, html, render, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState,
} from "../vendor/htm-3.1.1/standalone.module.js";
