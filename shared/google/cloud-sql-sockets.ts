import type { Socket } from 'node:net';
import type { Connector, IpAddressTypes } from '@google-cloud/cloud-sql-connector';
import type { CloudSql, Side } from '../config/database-config.ts';
import { DataHubError } from '../errors.ts';
import { fromGoogle } from './google-errors.ts';
import { withRequestTimeout } from './request-timeout.ts';

/**
 * Makes a factory of sockets to a Cloud SQL instance, encrypted by Google's connector. Throws `environment` for an instance or an
 * address type that does not exist, `unauthorized` or `transient`.
 */
export function createCloudSqlSockets(openConnector: () => Promise<Connector>, callTimeoutSeconds: number) {
  return async (side: Side, { instance, ipType }: CloudSql): Promise<() => Socket> => {
    const connector = await openConnector();
    try {
      const options = { instanceConnectionName: instance, ipType: ipType as IpAddressTypes };
      const { stream } = await withRequestTimeout(callTimeoutSeconds, connector.getOptions(options));
      return stream;
    } catch (error) {
      const { kind, message } = fromGoogle(error, `${side} database: Cloud SQL instance ${instance}`);
      const isMisconfigured =
        kind === 'configuration' || (error instanceof Error && error.name === 'CloudSQLConnectorError');
      const prefix = side.toUpperCase();
      throw new DataHubError(isMisconfigured ? 'environment' : kind, message, {
        advice:
          kind === 'unauthorized'
            ? "Give the function's service account the role roles/cloudsql.client on the instance's project."
            : `Compare ${prefix}_CLOUD_SQL_INSTANCE and ${prefix}_CLOUD_SQL_IP_TYPE with the instance.`,
        cause: error,
      });
    }
  };
}
