/** Up to this length a list is copied to add an item. */
const copiedUpTo = 8;

/**
 * Adds an item to a list that mostly stays short. V8 reserves room for 16 more items when a list grows, which would be most of
 * the memory of many short lists.
 * @param list must not be used afterwards
 */
export function withItem<T>(list: T[], item: T): T[] {
  if (list.length < copiedUpTo) return list.concat([item]);
  list.push(item);
  return list;
}
