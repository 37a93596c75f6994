import { createRequire } from 'node:module';

/** The part of @cdktf/hcl2json that is used here: HashiCorp's own parser as WebAssembly. */
interface Hcl {
  /** A file as JSON: blocks as lists of bodies by their labels, expressions as `${…}`. Rejects with file and line. */
  parse(filename: string, content: string): Promise<object>;
  getExpressionAst(filename: string, expression: string): Promise<object>;
}

// Required rather than imported: the package's types would bring a browser's into the whole project.
export const hcl = createRequire(import.meta.url)('@cdktf/hcl2json') as Hcl;
