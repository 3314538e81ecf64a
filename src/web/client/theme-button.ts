// The theme: light, dark or the system's.

const themes = ['system', 'light', 'dark'];
const button = document.querySelector<HTMLButtonElement>('#theme');
const themeNow = (): string => document.documentElement.dataset.theme ?? 'system';
function showTheme(): void {
  if (button === null) return;
  button.hidden = false;
  button.textContent = `◑ ${themeNow()}`;
  button.setAttribute('aria-label', `Theme: ${themeNow()}. Change it`);
}
button?.addEventListener('click', () => {
  const next = themes[(themes.indexOf(themeNow()) + 1) % themes.length] ?? 'system';
  if (next === 'system') {
    delete document.documentElement.dataset.theme;
    localStorage.removeItem('theme');
  } else {
    document.documentElement.dataset.theme = next;
    localStorage.setItem('theme', next);
  }
  showTheme();
});

showTheme();
