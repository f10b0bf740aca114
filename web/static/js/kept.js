/** What this browser remembers between visits: language, theme, palette. Without storage nothing is remembered. */
export const kept = (name) => {
  try {
    return localStorage.getItem(`mtrade.${name}`);
  } catch {
    return null;
  }
};

export const keep = (name, value) => {
  try {
    localStorage.setItem(`mtrade.${name}`, value);
  } catch {
    // storage is switched off; the choice holds until the page is left
  }
};
