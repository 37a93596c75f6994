/** The base64 forms of a text inside a longer text, without the first and last characters, which depend on its surroundings. */
function base64Within(text: string): string[] {
  const bytes = Buffer.from(text, 'utf8');
  return [0, 1, 2].flatMap((before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    const inner = encoded.slice(before === 0 ? 0 : before + 1, -1);
    return [inner, inner.replaceAll('+', '-').replaceAll('/', '_')];
  });
}

/** The text as the password of a URL, where fewer characters are escaped than by `encodeURIComponent`. */
function inUrl(text: string): string {
  const url = new URL('postgresql://user@host/');
  url.password = text;
  return url.password;
}

/** The forms that a secret can have after printing, escaping or encoding. */
export function formsOf(secret: string): string[] {
  const written = [secret, encodeURIComponent(secret), encodeURI(secret), inUrl(secret)];
  const form = new URLSearchParams({ secret }).toString().slice('secret='.length);
  const escaped = [...written, form].flatMap((text) => {
    const once = JSON.stringify(text).slice(1, -1);
    return [text, once, JSON.stringify(once).slice(1, -1)];
  });
  return [...new Set([...escaped, ...written.flatMap(base64Within), Buffer.from(secret).toString('hex')])];
}

/** Returns where the texts contain a secret in any form: the name of the text, and the surroundings of the secret. */
export function findSecrets(texts: ReadonlyMap<string, string>, secrets: readonly string[]): string[] {
  const forms = secrets.flatMap(formsOf);
  return [...texts].flatMap(([name, text]) =>
    forms.flatMap((form) => {
      const at = text.indexOf(form);
      return at < 0 ? [] : [`${name}: ${text.slice(Math.max(0, at - 60), at + form.length + 20)}`];
    }),
  );
}
