import type { OAuth2Client } from 'google-auth-library';
import type { AdminConfig } from '../../../shared/config/admin-config.ts';
import { once } from '../../../shared/once.ts';
import { checkedCaller } from '../../../shared/runtime/checked-caller.ts';
import { assertLoopback } from './assert-loopback.ts';
import { Refusal } from './refusal.ts';

/** An operator may see rows and act; a viewer may look at everything else. */
export type Role = 'viewer' | 'operator';

/** Who asks. `name` is an email, or LOCAL_USER. */
export type User = { name: string; role: Role };

/** Whoever uses the machine on which the function listens. */
export const LOCAL_USER = 'local user';

/**
 * Tells who sends a request, and what they may do. The result throws `Refusal` for whoever may not enter. `client` reads the public keys of
 * Identity-Aware Proxy.
 */
export function createIdentify({ signIn, operators, viewers }: AdminConfig, client?: OAuth2Client) {
  // Imported at its first use: the other two ways to sign in start faster without Google's library.
  const iapEmail = once(async () => {
    const { createIapEmail } = await import('./iap-email.ts');
    return createIapEmail(signIn.by === 'iap' ? signIn.audience : '', client);
  });
  return async (headers: Headers): Promise<User> => {
    if (signIn.by === 'loopback') {
      assertLoopback(headers);
      return { name: LOCAL_USER, role: 'operator' };
    }
    const name = signIn.by === 'iam' ? iamEmail(headers) : await (await iapEmail())(headers);
    if (operators.has(name)) return { name, role: 'operator' };
    if (viewers.has(name)) return { name, role: 'viewer' };
    throw new Refusal(
      403,
      `${name} is neither an operator nor a viewer. Ask who deploys SMart DataHub to add you to admin_operators or admin_viewers.`,
      `${name} has no role`,
    );
  };
}

function iamEmail(headers: Headers): string {
  const email = checkedCaller((name) => headers.get(name));
  if (email !== null) return email;
  throw new Refusal(
    401,
    'Open this page through `gcloud run services proxy`, signed in with your own account.',
    'no identity token with an email',
  );
}

/** Refuses whoever may only look. */
export function assertOperator({ name, role }: User): void {
  if (role === 'operator') return;
  throw new Refusal(
    403,
    `${name} may look but not act. Ask who deploys SMart DataHub to add you to admin_operators.`,
    `${name} is no operator`,
  );
}
