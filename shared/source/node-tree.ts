/** A node of PostgreSQL's parse tree (pg_node_tree), for example a QUERY or a TARGETENTRY, with its fields by name. */
export type TreeNode = { type: string; fields: Map<string, TreeItem[]> };
/** A field holds tokens, nodes and lists. */
export type TreeItem = string | TreeNode | TreeItem[];

/** Brackets, and tokens in which a backslash escapes the next character. */
const TOKEN = /[{}()[\]]|(?:\\[\s\S]|[^\s{}()[\]\\])+/g;

/**
 * Parses the text of a pg_node_tree, such as pg_rewrite.ev_action. The text has the same form in every supported version; only the fields
 * differ. Throws a TypeError for anything else.
 */
export function parseNodeTree(text: string): TreeItem {
  const tokens = text.match(TOKEN) ?? [];
  let at = 0;
  const next = (): string => {
    const token = tokens[at++];
    if (token === undefined) throw new TypeError('a parse tree of PostgreSQL ends too early');
    return token;
  };
  const item = (token: string): TreeItem => {
    if (token === '{') return node();
    return token === '(' || token === '[' ? list() : token;
  };
  const list = (): TreeItem[] => {
    const items: TreeItem[] = [];
    for (let token = next(); token !== ')' && token !== ']'; token = next()) items.push(item(token));
    return items;
  };
  const node = (): TreeNode => {
    const fields = new Map<string, TreeItem[]>();
    const type = next();
    let field: TreeItem[] = [];
    for (let token = next(); token !== '}'; token = next()) {
      if (token.startsWith(':')) {
        field = [];
        fields.set(token.slice(1), field);
      } else field.push(item(token));
    }
    return { type, fields };
  };
  return item(next());
}

export const isNode = (item: TreeItem): item is TreeNode => typeof item !== 'string' && !Array.isArray(item);

/** Whether a node is an entry of a range table: a table, view, function or subquery in a FROM clause. PostgreSQL named it otherwise before release 16. */
export const isRangeTableEntry = ({ type }: TreeNode): boolean => type === 'RANGETBLENTRY' || type === 'RTE';

/** All nodes in an item, itself included. */
export function* nodesIn(item: TreeItem): Generator<TreeNode> {
  if (typeof item === 'string') return;
  if (Array.isArray(item)) {
    for (const each of item) yield* nodesIn(each);
    return;
  }
  yield item;
  for (const field of item.fields.values()) for (const each of field) yield* nodesIn(each);
}

/** The number in a field; 0, PostgreSQL's "none", if the node has no such field. */
export function numberIn({ fields }: TreeNode, field: string): number {
  return Number(fields.get(field)?.[0] ?? 0);
}

/** Whether a field holds something: neither nothing (`<>`) nor false. */
export function isSet({ fields }: TreeNode, field: string): boolean {
  const [value] = fields.get(field) ?? [];
  return value !== undefined && value !== '<>' && value !== 'false';
}
