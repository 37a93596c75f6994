import type { Context } from 'hono';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import type { User } from './access/user.ts';

/** What the middleware puts into each request of a page. */
export type AdminEnv = {
  Variables: {
    dependencies: Dependencies;
    user: User;
    /** For the forms of the page. */
    csrfToken: string;
  };
};

export type AdminContext = Context<AdminEnv>;
