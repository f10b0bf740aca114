// Runs before the first paint: theme and palette as this browser last had them. Dark is the default.
(() => {
  const root = document.documentElement;
  const kept = (name) => {
    try {
      return localStorage.getItem(`mtrade.${name}`);
    } catch {
      return null; // storage switched off: the defaults hold
    }
  };
  const theme = kept("theme");
  root.dataset.theme = theme === "light" || theme === "dark" ? theme : matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark";
  root.dataset.palette = kept("palette") === "cvd" ? "cvd" : "classic";
})();
