import { X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { Secret, type SecretReference } from './secret.ts';
import { isLocalHost, type TlsMode, tlsModes } from './tls.ts';

/** The two databases. Each is reached with a role of its own. */
export type Side = 'source' | 'control';

/** How a database is reached. */
export type DatabaseConfig = {
  side: Side;
  url: Secret;
  /** The secret that holds the URL, which is read again when the server refuses the password; null for a URL in the environment itself. */
  reference: SecretReference | null;
  tls: TlsMode;
  /** PEM certificates of the authorities that may sign the server's certificate; null for those that Node trusts. */
  tlsCa: string | null;
  /** The instance to reach through Google's connector, which finds its address and encrypts; null to connect to the URL's host. */
  cloudSql: CloudSql | null;
};

export type CloudSql = { instance: string; ipType: IpType };

const ipTypes = ['PUBLIC', 'PRIVATE', 'PSC'] as const;
export type IpType = (typeof ipTypes)[number];

/** The variables of one database, without the prefix SOURCE_ or CONTROL_. */
const variables = {
  DATABASE_URL: z
    .string({ error: 'is missing' })
    .refine((text) => parseDatabaseUrl(text) !== null, {
      error: 'must be a postgresql:// URL (with the password percent-encoded)',
      abort: true,
    })
    .refine((text) => tlsParameters(text).length === 0, {
      error: 'must not set sslmode or another TLS parameter; set the variable ending in _TLS instead',
    }),
  TLS: z
    .enum(tlsModes, { error: `must be one of ${tlsModes.join(', ')}` })
    .optional()
    .meta({
      description: 'What the connection requires of TLS, in the words of libpq.',
      default: '`verify-full`; on the same machine `disable`',
    }),
  TLS_CA: z.string().refine(isCertificate, { error: 'does not contain a PEM certificate' }).optional().meta({
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

/** Describes variables that contradict each other, naming them. */
export function contradictions(env: Record<string, string | undefined>): string[] {
  return (['source', 'control'] as const).flatMap((side) => {
    const [tls, ca, instance] = (['TLS', 'TLS_CA', 'CLOUD_SQL_INSTANCE'] as const).map((suffix) =>
      nameOf(side, suffix),
    ) as [string, string, string];
    const set = [tls, ca].filter((name) => env[name] !== undefined);
    if (env[instance] !== undefined && set.length > 0) {
      return [
        `${set.join(' and ')} cannot be set together with ${instance}, whose connector encrypts by itself`,
      ];
    }
    if (env[tls] === 'disable' && env[ca] !== undefined)
      return [`${ca} has no effect while ${tls} is disable`];
    return [];
  });
}

/** The variables of one side. */
type ParsedOf<S extends Side> = Pick<Parsed, Extract<keyof Parsed, `${Uppercase<S>}_${string}`>>;

/** Builds the configuration of one database from the parsed variables. */
export function databaseConfig<S extends Side>(
  side: S,
  given: ParsedOf<S>,
  reference: SecretReference | null,
): DatabaseConfig {
  const parsed = given as Parsed;
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

/**
 * Parses a database URL, or returns null for any other text. A URL without a host means a socket:
 * postgresql://user:password@/database?host=/folder
 */
export function parseDatabaseUrl(text: string): URL | null {
  try {
    const url = new URL(text.replace('@/', '@socket/'));
    decodeURIComponent(url.username + url.password);
    // After an @, these parts would begin inside the password, and the host would be a piece of it.
    if (`${url.pathname}${url.search}${url.hash}`.includes('@')) return null;
    return /^postgres(ql)?:$/.test(url.protocol) ? url : null;
  } catch {
    return null;
  }
}

/** Returns the host of a database URL, or the folder of its socket. */
function hostOf(text: string): string {
  const url = parseDatabaseUrl(text);
  return url?.searchParams.get('host') ?? url?.hostname ?? '';
}

/**
 * Whether another URL may replace the current one. Its host must be the same, since the TLS mode was chosen for that host. For a Cloud SQL
 * instance the host has no meaning.
 */
export function canReplace({ url, cloudSql }: DatabaseConfig, by: string): boolean {
  if (!variables.DATABASE_URL.safeParse(by).success) return false;
  return cloudSql !== null || hostOf(by) === hostOf(url.reveal());
}

/** Returns the URL parameters that would make pg apply its own TLS rules. */
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
