import { hcl } from './hcl.ts';

/** What an expression refers to, name by name: `['google_pubsub_topic', 'topic', 'id']`; what it declares itself is left out. */
export type Reference = string[];

/** A node of the parser's syntax tree, as far as it is used here. */
interface Node {
  type: string;
  children: Node[];
  meta?: { traversal?: { type: string; segment: string }[]; keyVar?: string; valVar?: string };
}

/** The references in every expression of a value, at any depth. Throws where one cannot be parsed. */
export async function referencesIn(value: unknown): Promise<Reference[]> {
  if (typeof value === 'string') return await referencesInText(value);
  if (typeof value !== 'object' || value === null) return [];
  const found = [];
  for (const [key, member] of Object.entries(value)) {
    found.push(...(await referencesIn(key)), ...(await referencesIn(member)));
  }
  return found;
}

async function referencesInText(text: string): Promise<Reference[]> {
  if (!/[$%]\{/.test(text)) return [];
  // Within a here-document a template needs no quoting.
  const tree = await hcl.getExpressionAst('expression', `<<EXPRESSION\n${text}\nEXPRESSION\n`);
  return collect(tree as Node, new Set());
}

function collect(node: Node, declared: ReadonlySet<string>): Reference[] {
  const { keyVar, valVar } = node.meta ?? {};
  const inner = new Set([...declared, keyVar ?? '', valVar ?? '']);
  const path = pathOf(node);
  if (path === null) return node.children.flatMap((child) => collect(child, inner));
  const indexes = indexesOf(node).flatMap((index) => collect(index, inner));
  return inner.has(path[0] ?? '') ? indexes : [path, ...indexes];
}

/** The names of `a.b`, `a.b[i].c` and `a.b[*].c`, without indexes; null for anything else. */
function pathOf(node: Node): Reference | null {
  const names = (node.meta?.traversal ?? [])
    .filter(({ type }) => type === 'nameTraversal')
    .map(({ segment }) => segment);
  const [first, second] = node.children;
  switch (node.type) {
    case 'scopeTraversal':
      return names;
    case 'relativeTraversal': {
      const start = first === undefined ? null : pathOf(first);
      return start === null ? null : [...start, ...names];
    }
    case 'index':
      return first === undefined ? null : pathOf(first);
    case 'splat': {
      const start = first === undefined ? null : pathOf(first);
      const each = (second?.meta?.traversal ?? []).map(({ segment }) => segment);
      return start === null ? null : [...start, ...each];
    }
    default:
      return null;
  }
}

/** What stands in the brackets of such a path. */
function indexesOf(node: Node): Node[] {
  const [first, ...others] = node.children;
  if (node.type === 'index') return [...(first === undefined ? [] : indexesOf(first)), ...others];
  return node.type === 'relativeTraversal' && first !== undefined ? indexesOf(first) : [];
}
