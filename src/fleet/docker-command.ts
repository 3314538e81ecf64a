/** Docker's own rule for the names of containers. None of them means anything else to a shell. */
const plainName = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;

/**
 * A Docker command about containers, for an operator to run. The names come from the host, whose worker may have been taken over.
 * @returns null: Docker does not give such a name, so no command is safe
 */
export const dockerCommand = (
  what: 'rm -f' | 'restart' | 'logs --tail 10',
  names: readonly string[],
): string | null =>
  names.length > 0 && names.every((name) => plainName.test(name))
    ? `docker ${what} ${names.join(' ')}`
    : null;
