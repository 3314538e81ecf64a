const ours = 'http://ours.invalid';

/**
 * Where somebody goes after the login: a path of ours, never another site. @param text as an address or a form has it
 */
export function targetIn(text: string | null): string {
  if (text === null || !text.startsWith('/') || !URL.canParse(text, ours)) return '/';
  const { origin, pathname, search } = new URL(text, ours);
  // `/..//evil.example` has become `//evil.example`, which names another site.
  const isOurs = origin === ours && /^\/(?![/\\])/.test(pathname);
  return isOurs && pathname !== '/login' && pathname !== '/logout' ? pathname + search : '/';
}

/** The login page that leads back to a path. */
export const loginPath = (to: string): string =>
  to === '/' ? '/login' : `/login?to=${encodeURIComponent(to)}`;
