/** How the server lists our connections: by it the embedded database tells them from somebody's psql. */
export const applicationName = 'decnet-fleet';
