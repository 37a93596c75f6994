/** The required variables of a function. */
export const USABLE = {
  GOOGLE_CLOUD_PROJECT: 'smart-project',
  SOURCE_DATABASE_URL: 'postgresql://reader:hunter2@db.example/smartapp',
  CONTROL_DATABASE_URL: 'postgres://control:hunter3@db.example/control',
  STAGING_BUCKET: 'smart-staging',
  BIGQUERY_LOCATION: 'EU',
};
