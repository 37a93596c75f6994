import { z } from 'zod';

const emails = (description: string) =>
  z
    .string()
    .transform((list) => list.split(',').map((each) => each.trim().toLowerCase()))
    .refine((list) => list.every((each) => /^[^\s@,]+@[^\s@,]+$/.test(each)), {
      error: 'must be email addresses with commas between them',
    })
    .default([])
    .meta({ description, allowed: 'email addresses with commas between them' });

/** The environment variables that only the function `admin` uses. */
export const adminVariables = {
  ADMIN_SIGN_IN: z.enum(['loopback', 'iam', 'iap']).default('loopback').meta({
    description:
      'Who checks the identity of a user of `admin`: nobody, for the same machine only (`loopback`); Cloud Run, where the function demands IAM (`iam`); Identity-Aware Proxy (`iap`).',
    allowed: '`loopback`, `iam`, `iap`',
  }),
  ADMIN_IAP_AUDIENCE: z.string().min(1).optional().meta({
    description: 'The audience of the tokens of Identity-Aware Proxy; required with `iap`.',
    allowed: '`/projects/NUMBER/…`, as the console shows it',
  }),
  ADMIN_OPERATORS: emails('Users of `admin` who may see rows and act.'),
  ADMIN_VIEWERS: emails('Users of `admin` who may look at everything but rows.'),
};

/** How `admin` tells who its users are, and what they may do. */
export type AdminConfig = {
  signIn: { by: 'loopback' } | { by: 'iam' } | { by: 'iap'; audience: string };
  /** Emails in lower case. */
  operators: ReadonlySet<string>;
  viewers: ReadonlySet<string>;
};

type AdminEnvironment = z.output<z.ZodObject<typeof adminVariables>>;

export function adminConfig(given: AdminEnvironment): AdminConfig {
  const { ADMIN_SIGN_IN: by, ADMIN_IAP_AUDIENCE: audience } = given;
  return {
    signIn: by === 'iap' ? { by, audience: audience ?? '' } : { by },
    operators: new Set(given.ADMIN_OPERATORS),
    viewers: new Set(given.ADMIN_VIEWERS),
  };
}
