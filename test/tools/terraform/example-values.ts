/**
 * The text of terraform.tfvars.example with its commented values opened. Where a comment says "Instead of NAME:", what follows
 * it takes the place of that value.
 */
export function openComments(example: string): string {
  const opened = example.replaceAll(/^( *)# (?=(\w+ += | {2}\S|-----|PEM$))/gm, '$1');
  const replaced = [...example.matchAll(/^# Instead of (\w+):$/gm)].map(([, name]) => name ?? '');
  return replaced.reduce(
    (text, name) => text.replace(new RegExp(`^${name} += \\{\\n(?:.*\\n)*?\\}\\n`, 'm'), ''),
    opened,
  );
}
