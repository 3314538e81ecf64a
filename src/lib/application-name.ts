/** The application name of all connections. The embedded database uses it to recognize other programs, such as psql. */
export const applicationName = 'decnet-fleet';
