/**
 * A node of a syntax tree (parse_tree.proto) or of an analyzed statement (resolved_ast.proto), as gRPC loads it. The fields of a base class
 * are those of `parent`; in the place of an abstract class is a message whose only field, named `…Node`, holds the node.
 */
export interface ProtoNode {
  readonly [field: string]: unknown;
}

const isNode = (value: unknown): value is ProtoNode => typeof value === 'object' && value !== null;

/** The node of a concrete class, and the name of its class as the field before it has it: `astIfStatementNode`. */
export function concrete(node: ProtoNode): { kind: string; node: ProtoNode } {
  let found = { kind: '', node };
  for (;;) {
    const [entry, ...others] = Object.entries(found.node);
    if (entry === undefined || others.length > 0) return found;
    const [kind, inner] = entry;
    if (!kind.endsWith('Node') || !isNode(inner)) return found;
    found = { kind, node: inner };
  }
}

/** A field of the node or of its base classes. */
export function fieldOf(node: ProtoNode, name: string): unknown {
  for (let holder: unknown = node; isNode(holder); holder = holder.parent) {
    if (holder[name] !== undefined) return holder[name];
  }
  return undefined;
}

export function childOf(node: ProtoNode, name: string): ProtoNode | undefined {
  const value = fieldOf(node, name);
  return isNode(value) ? value : undefined;
}

export function childrenOf(node: ProtoNode | undefined, name: string): readonly ProtoNode[] {
  const value = node === undefined ? undefined : fieldOf(node, name);
  return Array.isArray(value) ? value.filter(isNode) : [];
}

/** The texts of a field that holds several, or one. */
export function textsOf(node: ProtoNode, name: string): readonly string[] {
  const value = fieldOf(node, name);
  return (Array.isArray(value) ? value : [value]).filter((text) => typeof text === 'string');
}
