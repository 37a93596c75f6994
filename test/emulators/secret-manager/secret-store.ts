import { Crc32c } from '../storage/crc32c.ts';
import { SecretError } from './secret-error.ts';

type Version = { value: string; state: 'ENABLED' | 'DISABLED' | 'DESTROYED' };
type StoredSecret = { versions: Version[]; isForbidden: boolean };

/** Secrets and their versions, numbered from 1. */
export class SecretStore {
  readonly #secrets = new Map<string, StoredSecret>();
  /** Gives the next answer the checksum of other data. */
  damagesNext = false;
  /** The number of calls of `access`. */
  reads = 0;

  /** Adds a version, and creates the secret with the first one. @returns the number of the version. */
  add(project: string, secret: string, value: string): number {
    const name = nameOf(project, secret);
    const stored = this.#secrets.get(name) ?? { versions: [], isForbidden: false };
    this.#secrets.set(name, stored);
    return stored.versions.push({ value, state: 'ENABLED' });
  }

  /** From now on, reading the secret is PERMISSION_DENIED. */
  forbid(project: string, secret: string): void {
    this.#find(project, secret).isForbidden = true;
  }

  disable(project: string, secret: string, version: number): void {
    const found = this.#find(project, secret).versions[version - 1];
    if (found !== undefined) found.state = 'DISABLED';
  }

  /**
   * The answer of the method `access`: https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets.versions/access
   * @throws SecretError
   */
  access(project: string, secret: string, version: string): object {
    this.reads += 1;
    const stored = this.#find(project, secret);
    if (stored.isForbidden) {
      const what = `Permission 'secretmanager.versions.access' denied for resource '${nameOf(project, secret)}'`;
      throw new SecretError(403, 'PERMISSION_DENIED', what);
    }
    // The newest version, even if it is disabled: https://cloud.google.com/secret-manager/docs/access-secret-version
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

/** The CRC32C as JSON writes a 64-bit integer: https://cloud.google.com/secret-manager/docs/data-integrity */
function checksum(data: Buffer): string {
  const crc = new Crc32c();
  crc.update(data);
  return String(Buffer.from(crc.base64(), 'base64').readUInt32BE());
}
