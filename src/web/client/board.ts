// Bull Board's forms do nothing when what is to be JSON is not: this says so.

const problemId = 'not-json';

function tell(reason: string): void {
  const form = document.querySelector('[role="dialog"] form') ?? document.querySelector('[role="dialog"]');
  if (form === null) return;
  const line = document.getElementById(problemId) ?? document.createElement('p');
  line.id = problemId;
  line.setAttribute('role', 'alert');
  line.style.color = '#b3261e';
  line.textContent = `Not saved: the data or the options are not valid JSON (${reason}). Correct them and try again.`;
  form.append(line);
}

const forget = (): void => document.getElementById(problemId)?.remove();

window.addEventListener('error', ({ error }) => {
  if (error instanceof SyntaxError) tell(error.message);
});
window.addEventListener('unhandledrejection', ({ reason }) => {
  if (reason instanceof SyntaxError) tell(reason.message);
});
document.addEventListener('input', forget);
document.addEventListener('submit', forget, { capture: true });
