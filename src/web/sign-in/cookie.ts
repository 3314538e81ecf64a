/** The name of the cookie with the session. */
export const cookieName = 'decnet_fleet_session';

/** The values of our cookie in a `Cookie` header. Cookies of several paths may have its name. */
export const cookiesIn = (header: string | undefined): readonly string[] =>
  (header ?? '')
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part.startsWith(`${cookieName}=`))
    .map((part) => part.slice(cookieName.length + 1));

export interface CookieLocation {
  /** The path at which a proxy serves the dashboard; empty: none. */
  readonly prefix: string;
  readonly isHttps: boolean;
}

/**
 * The header that sets the cookie, or removes it. It ends with the browser; its session ends earlier, and then the browser still
 * sends it, so that its script learns that the session is over.
 * @param value null: removes it
 */
export const setCookie = (value: string | null, { prefix, isHttps }: CookieLocation): string =>
  [
    `${cookieName}=${value ?? ''}`,
    `Path=${prefix === '' ? '/' : prefix}`,
    'HttpOnly',
    'SameSite=Lax',
    ...(isHttps ? ['Secure'] : []),
    ...(value === null ? ['Max-Age=0'] : []),
  ].join('; ');
