// Before the first paint: the theme that this reader chose.
const chosen = localStorage.getItem('theme');
if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
// Filters act at once then.
document.documentElement.classList.add('script');
