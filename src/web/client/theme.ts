// Applies the chosen theme before the first paint.
const chosen = localStorage.getItem('theme');
if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
// With scripts, filters apply immediately, and the style sheet hides their button.
document.documentElement.classList.add('script');
