/** A text that prints as `[redacted]` everywhere; only `reveal` returns it. */
export class Secret {
  readonly #value: string;
  constructor(value: string) {
    this.#value = value;
  }
  reveal(): string {
    return this.#value;
  }
  toString(): string {
    return '[redacted]';
  }
  toJSON(): string {
    return '[redacted]';
  }
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '[redacted]';
  }
}

/** A version of a secret in Secret Manager; `version` is a number or `latest`. */
export type SecretReference = { project: string; secret: string; version: string };

const SCHEME = 'sm://';
/** Project ids or numbers, and names that Secret Manager accepts: https://cloud.google.com/secret-manager/docs/reference/rest */
const FORM = /^sm:\/\/([a-z0-9][a-z0-9:.-]{4,61})\/([A-Za-z0-9_-]{1,255})\/(latest|[1-9]\d{0,9})$/;

/** Whether the value of a variable refers to a secret instead of containing it. */
export function isReference(value: string): boolean {
  return value.startsWith(SCHEME);
}

/** Parses a reference of the form `sm://project/secret/version`; returns null for any other text. */
export function parseReference(value: string): SecretReference | null {
  const [, project, secret, version] = FORM.exec(value) ?? [];
  if (project === undefined || secret === undefined || version === undefined) return null;
  return { project, secret, version };
}

export function showReference({ project, secret, version }: SecretReference): string {
  return `${SCHEME}${project}/${secret}/${version}`;
}
