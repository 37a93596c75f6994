import { resolve } from 'node:path';

/** A path as the caller means it: npm runs this program in the folder of the project, and says where the caller was. */
export const callersPath = (path: string): string => resolve(process.env.INIT_CWD ?? process.cwd(), path);

/** The same for the path of a file, where - stands for standard input or output. */
export const callersFile = (path: string): string => (path === '-' ? path : callersPath(path));
