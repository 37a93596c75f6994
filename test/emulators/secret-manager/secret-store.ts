import { Crc32c } from '../storage/crc32c.ts';
import { SecretError } from './secret-error.ts';

type Version = { value: string; state: 'ENABLED' | 'DISABLED' | 'DESTROYED' };
type StoredSecret = { versions: Version[]; isForbidden: boolean };

/** Secrets and their versions, which are numbered from 1. */
export class SecretStore {
  readonly #secrets = new Map<string, StoredSecret>();
  /** The next answer carries the checksum of other data. */
  damagesNext = false;
  /** How often it was asked. */
  reads = 0;

  /** Adds a version, and makes the secret when it is the first; answers its number. */
  add(project: string, secret: string, value: string): number {
    const name = nameOf(project, secret);
    const stored = this.#secrets.get(name) ?? { versions: [], isForbidden: false };
    this.#secrets.set(name, stored);
    return stored.versions.push({ value, state: 'ENABLED' });
  }

  /** From now on nobody may read it. */
  forbid(project: string, secret: string): void {
    this.#find(project, secret).isForbidden = true;
  }

  disable(project: string, secret: string, version: number): void {
    const found = this.#find(project, secret).versions[version - 1];
    if (found !== undefined) found.state = 'DISABLED';
  }

  /** What the method `access` answers. Throws a SecretError. */
  access(project: string, secret: string, version: string): object {
    this.reads += 1;
    const stored = this.#find(project, secret);
    if (stored.isForbidden) {
      const what = `Permission 'secretmanager.versions.access' denied for resource '${nameOf(project, secret)}'`;
      throw new SecretError(403, 'PERMISSION_DENIED', what);
    }
    // The newest, even when it is disabled: https://cloud.google.com/secret-manager/docs/access-secret-version
    const number = version === 'latest' ? stored.versions.length : Number(version);
    const name = `${nameOf(project, secret)}/versions/${number}`;
    const found = stored.versions[number - 1];
    if (found === undefined) throw new SecretError(404, 'NOT_FOUND', `Secret Version [${name}] not found.`);
    if (found.state !== 'ENABLED') {
      throw new SecretError(
        400,
        'FAILED_PRECONDITION',
        `Secret Version [${name}] is in ${found.state} state.`,
      );
    }
    const data = Buffer.from(found.value, 'utf8');
    const checked = this.damagesNext ? Buffer.concat([data, data]) : data;
    this.damagesNext = false;
    return { name, payload: { data: data.toString('base64'), dataCrc32c: checksum(checked) } };
  }

  #find(project: string, secret: string): StoredSecret {
    const stored = this.#secrets.get(nameOf(project, secret));
    if (stored === undefined) {
      throw new SecretError(404, 'NOT_FOUND', `Secret [${nameOf(project, secret)}] not found.`);
    }
    return stored;
  }
}

const nameOf = (project: string, secret: string): string => `projects/${project}/secrets/${secret}`;

/** As JSON writes a 64-bit integer. */
function checksum(data: Buffer): string {
  const crc = new Crc32c();
  crc.update(data);
  return String(Buffer.from(crc.base64(), 'base64').readUInt32BE());
}
