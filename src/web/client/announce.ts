// What a screen reader says: a summary of the changes, and that the connection is lost; not each second how old the data is.

const announced = document.getElementById('announced');

export function announce(text: string): void {
  if (announced !== null) announced.textContent = text;
}

/** `web-01 failed`, or how many changed. */
export function announceChanges(changes: readonly string[]): void {
  if (changes.length === 0) return;
  announce(changes.length <= 3 ? changes.join(', ') : `${changes.length} rows have changed`);
}
