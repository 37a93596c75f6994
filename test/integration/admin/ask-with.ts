import type { AdminClient, AdminPage } from '../../support/admin.ts';

/** Gets a path with each of the texts as each of the parameters. A name may follow others, such as `view=pmr_project&key`. */
export async function* askWith(
  client: AdminClient,
  path: string,
  { names, texts }: { names: readonly string[]; texts: readonly string[] },
): AsyncGenerator<AdminPage & { address: string }> {
  for (const name of names) {
    for (const text of texts) {
      const address = addressOf(path, name, text);
      yield { address, ...(await client.get(address)) };
    }
  }
}

/** Without a name, the text is the last part of the path. */
export const addressOf = (path: string, name: string, text: string): string =>
  name === '' ? `${path}${encodeURIComponent(text)}` : `${path}?${name}=${encodeURIComponent(text)}`;
