import type { OAuth2Client } from 'google-auth-library';
import { CSRF_FIELD } from '../../functions/admin/access/csrf.ts';
import { createApp } from '../../functions/admin/app.ts';
import type { AdminConfig } from '../../shared/config/admin-config.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';

export const OPERATOR = 'olga@example.com';
export const VIEWER = 'vera@example.com';
export const STRANGER = 'sam@example.com';

/** An identity token as Cloud Run hands it over: it has checked the signature and replaced it. */
export function identityToken(claims: string | object): string {
  const text = typeof claims === 'string' ? claims : JSON.stringify(claims);
  return `eyJhbGciOiJSUzI1NiJ9.${Buffer.from(text).toString('base64url')}.SIGNATURE_REMOVED_BY_GOOGLE`;
}

export const tokenOf = (email: string): string => identityToken({ email, email_verified: true });

export const bearer = (email: string): string => `Bearer ${tokenOf(email)}`;

/** The app with another way to sign in than the installation's. */
export function appFor(
  signIn: AdminConfig['signIn'],
  dependencies: () => Dependencies | Promise<Dependencies>,
  iapClient?: OAuth2Client,
) {
  return createApp(async () => {
    const found = await dependencies();
    const admin = { signIn, operators: new Set([OPERATOR]), viewers: new Set([VIEWER]) };
    return { ...found, config: { ...found.config, admin } };
  }, iapClient);
}

/** A form as a browser sends it. */
export function form(
  fields: Record<string, string>,
  { headers = {}, cookie = '', csrf }: { headers?: Record<string, string>; cookie?: string; csrf?: string },
): RequestInit {
  const body = new URLSearchParams({ ...fields, ...(csrf !== undefined && { [CSRF_FIELD]: csrf }) });
  return { method: 'POST', headers: { ...headers, ...(cookie !== '' && { cookie }) }, body };
}
