import pg from 'pg';

/** Runs `use` on a connection of its own, which it closes again. `login` is a URL or what node-postgres takes. */
export async function withClient<T>(
  login: string | pg.ClientConfig,
  use: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client(login);
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
