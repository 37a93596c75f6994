/** Without the letters at either end that depend on what stands beside the text. */
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

/** The password as a URL writes it, which escapes less than `encodeURIComponent`. */
function inUrl(text: string): string {
  const url = new URL('postgresql://user@host/');
  url.password = text;
  return url.password;
}

/** How a secret may look where somebody printed, escaped or encoded it. */
export function formsOf(secret: string): string[] {
  const written = [secret, encodeURIComponent(secret), encodeURI(secret), inUrl(secret)];
  const form = new URLSearchParams({ secret }).toString().slice('secret='.length);
  const escaped = [...written, form].flatMap((text) => {
    const once = JSON.stringify(text).slice(1, -1);
    return [text, once, JSON.stringify(once).slice(1, -1)];
  });
  return [...new Set([...escaped, ...written.flatMap(base64Within), Buffer.from(secret).toString('hex')])];
}

/** Where any of the secrets stands among the texts, in whatever form: the name of the text and what stands around it. */
export function findSecrets(texts: ReadonlyMap<string, string>, secrets: readonly string[]): string[] {
  const forms = secrets.flatMap(formsOf);
  return [...texts].flatMap(([name, text]) =>
    forms.flatMap((form) => {
      const at = text.indexOf(form);
      return at < 0 ? [] : [`${name}: ${text.slice(Math.max(0, at - 60), at + form.length + 20)}`];
    }),
  );
}
