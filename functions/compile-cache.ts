import { fileURLToPath } from 'node:url';

/** Where the build leaves compiled code, beside the functions that it built. Running the sources as they are uses none. */
export const COMPILE_CACHE = fileURLToPath(new URL('../compile-cache', import.meta.url));
