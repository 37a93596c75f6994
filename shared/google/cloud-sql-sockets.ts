import type { Socket } from 'node:net';
import type { Connector, IpAddressTypes } from '@google-cloud/cloud-sql-connector';
import type { CloudSql, Side } from '../config/database-config.ts';
import { ADVICE, DataHubError, RETRIED } from '../errors.ts';
import { fromGoogle } from './google-errors.ts';
import { withRequestTimeout } from './request-timeout.ts';

/**
 * Returns a function that opens a factory of sockets to a Cloud SQL instance, which Google's connector encrypts. It throws `environment` for
 * an instance or an address type that does not exist, `unauthorized` or `transient`.
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
      const denied = `Give the function's service account the role roles/cloudsql.client on the instance's project. ${RETRIED}`;
      const wrong = `Correct ${prefix}_CLOUD_SQL_INSTANCE or ${prefix}_CLOUD_SQL_IP_TYPE, so that they name the instance and an address that it has, and deploy again. ${RETRIED}`;
      const passing = `${ADVICE.transient} If it lasts: see that the instance runs and that the functions reach it.`;
      throw new DataHubError(isMisconfigured ? 'environment' : kind, message, {
        advice: isMisconfigured ? wrong : kind === 'unauthorized' ? denied : passing,
        cause: error,
      });
    }
  };
}
