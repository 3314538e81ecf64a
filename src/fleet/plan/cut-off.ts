/** When something happened, as exactly as it is known. Epoch seconds. */
export interface TimeSpan {
  readonly earliest: number;
  readonly latest: number;
}

/** The container whose network another container uses. */
export interface NetworkOwner {
  /** Null: it does not run, or is not listed. */
  readonly started: TimeSpan | null;
  /** Whether it has run only once: then nobody can have joined a former network of it. */
  readonly isFirstStart: boolean;
}

/**
 * Whether a running container is cut off from its network. Docker gives a container a new network when it starts, and those
 * that joined the former one stay there. @returns null: the starts are not known exactly enough
 * @see CONTRACT.md, "A living host", b
 */
export function isCutOff(started: TimeSpan, owner: NetworkOwner): boolean | null {
  if (owner.started === null) return true;
  if (owner.isFirstStart || started.earliest >= owner.started.latest) return false;
  return started.latest < owner.started.earliest ? true : null;
}
