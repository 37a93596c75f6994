import { X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { Secret, type SecretReference } from './secret.ts';
import { isLocalHost, type TlsMode, tlsModes } from './tls.ts';

/** The two databases, which are never reached with each other's role. */
export type Side = 'source' | 'control';

/** How a database is reached. */
export type DatabaseConfig = {
  side: Side;
  url: Secret;
  /** Where the URL was read, to be read again when its password is refused; null for one that stood in the environment. */
  reference: SecretReference | null;
  tls: TlsMode;
  /** PEM certificates of who may have signed the server's; null for those that Node trusts. */
  tlsCa: string | null;
  /** Reached through Google's connector, which finds the address and encrypts; null for the URL's own host. */
  cloudSql: CloudSql | null;
};

export type CloudSql = { instance: string; ipType: IpType };

const ipTypes = ['PUBLIC', 'PRIVATE', 'PSC'] as const;
export type IpType = (typeof ipTypes)[number];

/** The variables of one database, without the prefix that names it. */
const variables = {
  DATABASE_URL: z
    .string({ error: 'is missing' })
    .refine((text) => parseDatabaseUrl(text) !== null, {
      error: 'must be a postgresql:// URL (with the password percent-encoded)',
      abort: true,
    })
    .refine((text) => tlsParameters(text).length === 0, {
      error:
        'must not set sslmode or another parameter of TLS: the variable ending in _TLS says what is wanted',
    }),
  TLS: z
    .enum(tlsModes, { error: `must be one of ${tlsModes.join(', ')}` })
    .optional()
    .meta({
      description: 'What the connection requires of TLS, in the words of libpq.',
      default: '`verify-full`; on the same machine `disable`',
    }),
  TLS_CA: z.string().refine(isCertificate, { error: 'holds no PEM certificate' }).optional().meta({
    description: 'The certificates of the authorities that may sign the certificate of the server.',
    default: 'the authorities that Node.js trusts',
    allowed: 'PEM certificates',
  }),
  CLOUD_SQL_INSTANCE: z
    .string()
    .regex(/^[a-z][a-z0-9.:-]*:[a-z0-9-]+:[a-z][a-z0-9-]*$/, 'must have the form project:region:instance')
    .optional()
    .meta({
      description:
        "A Cloud SQL instance, reached and encrypted by Google's connector; the host of the URL has no effect then.",
      allowed: '`project:region:instance`',
    }),
  CLOUD_SQL_IP_TYPE: z
    .enum(ipTypes, { error: `must be one of ${ipTypes.join(', ')}` })
    .default('PUBLIC')
    .meta({ description: 'The address of the Cloud SQL instance that the connector uses.' }),
};

export const databaseVariables = {
  SOURCE_DATABASE_URL: variables.DATABASE_URL.meta({
    description: 'The source: a primary, with a role that can only read.',
    allowed: '`postgresql://role:password@host:port/database`',
  }),
  SOURCE_TLS: variables.TLS,
  SOURCE_TLS_CA: variables.TLS_CA,
  SOURCE_CLOUD_SQL_INSTANCE: variables.CLOUD_SQL_INSTANCE,
  SOURCE_CLOUD_SQL_IP_TYPE: variables.CLOUD_SQL_IP_TYPE,
  CONTROL_DATABASE_URL: variables.DATABASE_URL.meta({
    description:
      'The control database, with a role that may create schema `etl`; never the role of the source.',
    allowed: '`postgresql://role:password@host:port/database`',
  }),
  CONTROL_TLS: variables.TLS,
  CONTROL_TLS_CA: variables.TLS_CA,
  CONTROL_CLOUD_SQL_INSTANCE: variables.CLOUD_SQL_INSTANCE,
  CONTROL_CLOUD_SQL_IP_TYPE: variables.CLOUD_SQL_IP_TYPE,
} as const;

type Parsed = z.output<z.ZodObject<typeof databaseVariables>>;

const nameOf = <Suffix extends string>(side: Side, suffix: Suffix) =>
  `${side.toUpperCase()}_${suffix}` as `${'SOURCE' | 'CONTROL'}_${Suffix}`;

/** What two variables of one database say against each other, with the names. */
export function contradictions(env: Record<string, string | undefined>): string[] {
  return (['source', 'control'] as const).flatMap((side) => {
    const [tls, ca, instance] = (['TLS', 'TLS_CA', 'CLOUD_SQL_INSTANCE'] as const).map((suffix) =>
      nameOf(side, suffix),
    ) as [string, string, string];
    const set = [tls, ca].filter((name) => env[name] !== undefined);
    if (env[instance] !== undefined && set.length > 0) {
      return [`${set.join(' and ')} cannot be set beside ${instance}, whose connector encrypts by itself`];
    }
    if (env[tls] === 'disable' && env[ca] !== undefined)
      return [`${ca} is of no use while ${tls} is disable`];
    return [];
  });
}

/** How a database is reached, by variables that were parsed. */
export function databaseConfig(
  side: Side,
  parsed: Parsed,
  reference: SecretReference | null,
): DatabaseConfig {
  const url = parsed[nameOf(side, 'DATABASE_URL')];
  const tlsCa = parsed[nameOf(side, 'TLS_CA')] ?? null;
  const instance = parsed[nameOf(side, 'CLOUD_SQL_INSTANCE')];
  const byDefault = tlsCa === null && isLocalHost(hostOf(url)) ? 'disable' : 'verify-full';
  return {
    side,
    url: new Secret(url),
    reference,
    tls: parsed[nameOf(side, 'TLS')] ?? byDefault,
    tlsCa,
    cloudSql: instance === undefined ? null : { instance, ipType: parsed[nameOf(side, 'CLOUD_SQL_IP_TYPE')] },
  };
}

/** Null for what is no URL of a database; one without a host is a socket's: postgresql://user:password@/database?host=/folder */
export function parseDatabaseUrl(text: string): URL | null {
  try {
    const url = new URL(text.replace('@/', '@socket/'));
    decodeURIComponent(url.username + url.password);
    return /^postgres(ql)?:$/.test(url.protocol) ? url : null;
  } catch {
    return null;
  }
}

/** The host that a connection goes to, or the folder of its socket. */
export function hostOf(text: string): string {
  const url = parseDatabaseUrl(text);
  return url?.searchParams.get('host') ?? url?.hostname ?? '';
}

/**
 * Whether connections may go on by another URL: one of the same host, since what is asked of TLS was decided for that one. Of a Cloud SQL
 * instance the host means nothing.
 */
export function canReplace({ url, cloudSql }: DatabaseConfig, by: string): boolean {
  if (!variables.DATABASE_URL.safeParse(by).success) return false;
  return cloudSql !== null || hostOf(by) === hostOf(url.reveal());
}

/** The parameters by which pg would decide about TLS by rules of its own. */
function tlsParameters(text: string): string[] {
  const names = [...(parseDatabaseUrl(text)?.searchParams.keys() ?? [])];
  return names.filter((name) => name.startsWith('ssl') || name === 'uselibpqcompat');
}

function isCertificate(text: string): boolean {
  try {
    return new X509Certificate(text).subject !== undefined;
  } catch {
    return false;
  }
}
