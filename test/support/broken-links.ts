import { dirname, join, normalize } from 'node:path/posix';
import { type Document, withoutBlocks } from './documents.ts';

/** `[text](target)`, `![text](target "title")`, `[name]: target`, and the same in HTML. */
const LINKS = [
  /\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g,
  /^ *\[[^\]]+\]:\s+(\S+)/gm,
  /<(?:a|img)\s[^>]*?(?:href|src)="([^"]+)"/g,
];

/**
 * Returns the broken relative links, each as `path:line: target`: links to a missing file or folder, or to a missing heading of a
 * Markdown document. Links with a scheme, such as `https:`, are not checked.
 */
export function brokenLinks(documents: Document[], exists: (path: string) => boolean): string[] {
  const anchors = new Map(documents.map(({ path, text }) => [path, anchorsOf(text)]));
  return documents.flatMap(({ path, text }) =>
    linksIn(text)
      .filter(({ target }) => {
        const [file = '', anchor] = target.split('#').map(decodeURIComponent);
        const linked = file === '' ? path : normalize(join(dirname(path), file));
        if (!anchors.has(linked)) return linked.startsWith('..') || !exists(linked);
        return anchor !== undefined && !anchors.get(linked)?.has(anchor);
      })
      .map(({ line, target }) => `${path}:${line}: ${target}`),
  );
}

function linksIn(markdown: string): { line: number; target: string }[] {
  const prose = withoutBlocks(markdown).replaceAll(/(`+)[^`]+\1/g, (span) => span.replaceAll(/[^\n]/g, ' '));
  return LINKS.flatMap((form) => [...prose.matchAll(form)])
    .map(({ index, 1: target = '' }) => ({ line: prose.slice(0, index).split('\n').length, target }))
    .filter(({ target }) => !/^([a-z][a-z0-9+.-]*:|\/\/)/i.test(target))
    .sort((one, other) => one.line - other.line);
}

/** The anchors that GitHub generates for headings, with -1, -2, … for repeated ones, and the anchors given in HTML. */
function anchorsOf(markdown: string): Set<string> {
  const prose = withoutBlocks(markdown);
  const anchors = new Set(
    [...prose.matchAll(/<a\s[^>]*?(?:id|name)="([^"]+)"/g)].map(([, name = '']) => name),
  );
  const times = new Map<string, number>();
  for (const [, heading = ''] of prose.matchAll(/^ {0,3}#{1,6}[ \t]+(.+?)[ \t]*#*$/gm)) {
    const slug = slugOf(heading);
    const before = times.get(slug) ?? 0;
    times.set(slug, before + 1);
    anchors.add(before === 0 ? slug : `${slug}-${before}`);
  }
  return anchors;
}

/** Returns the anchor that GitHub generates: the text in lower case, without punctuation, with a dash for each space. */
function slugOf(heading: string): string {
  return heading
    .replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{M}\p{N}\p{Pc} -]/gu, '')
    .trim()
    .replaceAll(' ', '-');
}
