import { readFile, stat } from 'node:fs/promises';

/** The user and the group of a server's process. */
export interface Account {
  uid: number;
  gid: number;
}

/** Accounts for PostgreSQL when this process runs as root, in order of preference. */
const ACCOUNT_NAMES = ['postgres', 'nobody'];

/**
 * The account for the server, or undefined for the current user. PostgreSQL refuses to run as root, so root uses an account that every
 * Linux has; an existing data folder keeps the account that owns it.
 */
export async function serverAccount(clusterFolder: string): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const owner = await stat(clusterFolder).catch(() => undefined);
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };

  const users = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  for (const name of ACCOUNT_NAMES) {
    const [, , uid, gid] = users.find(([userName]) => userName === name) ?? [];
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new Error(
    `PostgreSQL does not run as root, and there is no user named ${ACCOUNT_NAMES.join(' or ')} to run it as: ` +
      'start this as an ordinary user',
  );
}
