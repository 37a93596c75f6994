locals {
  suffix = var.environment == "" ? "" : "-${var.environment}"

  labels = merge(var.labels, {
    application = "smart-datahub"
    environment = var.environment == "" ? "default" : var.environment
    managed-by  = "terraform"
  })

  topics   = { for key, name in var.topics : key => "${name}${local.suffix}" }
  datasets = { for key, name in var.datasets : key => "${name}${replace(local.suffix, "-", "_")}" }
  buckets = {
    staging = "${var.project}-cdc-staging${local.suffix}"
    source  = "${var.project}-cdc-source${local.suffix}"
  }
  secrets = {
    control = "cdc-control-database-url${local.suffix}"
    source  = "cdc-source-database-url${local.suffix}"
  }

  # An event-driven function may run for at most 540 s. The functions stop by themselves before that limit.
  time_limit_seconds = 540

  # An instance serves one request at a time: one batch uses all of it, and its memory was measured that way.
  function_defaults = {
    memory        = "512Mi"
    cpu           = "1"
    concurrency   = 1
    min_instances = 0
    ingress       = var.ingress
    inspects      = []
    reads         = []
    writes        = []
    is_reporter   = false
  }

  # Every function with the resources that it may use, and with values that differ from the defaults. To add a function, add an entry.
  # `topic` is a key of var.topics, or null for a function that nothing but a person calls. `publishes` and `inspects` are keys of topics
  # (inspects: may check that the topic exists), `reads` and `writes` are keys of datasets, `secrets` are keys of local.secrets, and
  # `bucket_roles` are roles on the staging bucket. A reporter may only create objects under its prefix reports/.
  function_entries = {
    admin = {
      description   = "Serves the web page of the operators."
      topic         = null
      publishes     = ["extract", "merge", "reconcile", "stream"]
      reads         = ["target"]
      secrets       = ["control", "source"]
      bucket_roles  = ["roles/storage.objectViewer"]
      concurrency   = 20 # a page and its assets come at once, and wait for databases rather than for the processor
      min_instances = var.admin_min_instances
      ingress       = var.admin_iap == null ? var.ingress : "ALLOW_INTERNAL_AND_GCLB"
    }
    extract = {
      description  = "Captures the changes of the source and stages them."
      topic        = "extract"
      publishes    = ["dead_letter", "extract", "merge", "reconcile", "stream"]
      inspects     = ["dead_letter", "extract", "merge", "reconcile", "stream"]
      writes       = ["target", "temp", "view"]
      secrets      = ["control", "source"]
      bucket_roles = ["roles/storage.legacyBucketReader", "roles/storage.objectUser"]
    }
    merge = {
      description  = "Applies a staged batch in one BigQuery transaction."
      topic        = "merge"
      publishes    = ["dead_letter", "extract", "merge"]
      writes       = ["target", "temp"]
      secrets      = ["control"]
      bucket_roles = ["roles/storage.legacyBucketReader", "roles/storage.objectViewer"]
    }
    reconcile = {
      description  = "Compares views with their targets, and requests the repair of rows that differ."
      topic        = "reconcile"
      publishes    = ["dead_letter", "extract", "reconcile"]
      reads        = ["target"]
      secrets      = ["control", "source"]
      bucket_roles = []
      is_reporter  = true
    }
    stream = {
      description  = "Applies a staged batch through the Storage Write API."
      topic        = "stream"
      publishes    = ["dead_letter", "extract", "stream"]
      writes       = ["target"]
      secrets      = ["control"]
      bucket_roles = ["roles/storage.legacyBucketReader", "roles/storage.objectViewer"]
    }
  }

  functions = { for function, entry in local.function_entries : function => merge(local.function_defaults, entry) }

  control_instance_name = "cdc-control${local.suffix}"
  control_cloud_sql = {
    instance = var.control_instance == null ? var.control_database.cloud_sql_instance : "${var.project}:${var.region}:${local.control_instance_name}"
    ip_type  = try(var.control_instance.private_network, null) == null ? var.control_database.cloud_sql_ip_type : "PRIVATE"
  }

  # The environment variables of the functions (shared/config/config.ts); null leaves a variable out. A variable contains the name of a
  # secret, never its value: the function reads the value when it starts, so a new version needs no deployment.
  environment = {
    ADMIN_IAP_AUDIENCE         = local.admin_iap_audience
    ADMIN_OPERATORS            = length(var.admin_operators) == 0 ? null : join(",", var.admin_operators)
    ADMIN_SIGN_IN              = var.admin_iap == null ? "iam" : "iap"
    ADMIN_VIEWERS              = length(var.admin_viewers) == 0 ? null : join(",", var.admin_viewers)
    BIGQUERY_LOCATION          = var.location
    CALL_TIMEOUT_SECONDS       = var.settings.call_timeout_seconds
    CHANGE_LOG_TABLE           = var.settings.change_log_table
    CHECK_SETTLE_SECONDS       = var.settings.check_settle_seconds
    CHECK_WAIT_SECONDS         = var.settings.check_wait_seconds
    CONNECT_TIMEOUT_SECONDS    = var.settings.connect_timeout_seconds
    CONTENT_TYPE_TABLE         = var.settings.content_type_table
    CONTROL_CLOUD_SQL_INSTANCE = local.control_cloud_sql.instance
    CONTROL_CLOUD_SQL_IP_TYPE  = local.control_cloud_sql.instance == null ? null : local.control_cloud_sql.ip_type
    CONTROL_DATABASE_URL       = "sm://${var.project}/${local.secrets.control}/latest"
    CONTROL_TLS                = local.control_cloud_sql.instance == null ? var.control_database.tls : null
    CONTROL_TLS_CA             = local.control_cloud_sql.instance == null ? var.control_database.tls_ca : null
    FLOOR_WARNING_SECONDS      = var.settings.floor_warning_seconds
    GOOGLE_CLOUD_PROJECT       = var.project
    GRACE_SECONDS              = var.settings.grace_seconds
    KEEP_DAYS                  = var.settings.keep_days
    LAG_WARNING_SECONDS        = local.alert_after.behind_minutes * 60
    LEASE_SECONDS              = var.settings.lease_seconds
    LOG_LEVEL                  = var.settings.log_level
    MAX_BATCH_LOG_ROWS         = var.settings.max_batch_log_rows
    MAX_PART_BYTES             = var.settings.max_part_bytes
    MAX_SLICES                 = var.settings.max_slices
    ROW_VALUES                 = var.settings.row_values
    SLICE_ROWS                 = var.settings.slice_rows
    SOURCE_CLOUD_SQL_INSTANCE  = var.source_database.cloud_sql_instance
    SOURCE_CLOUD_SQL_IP_TYPE   = var.source_database.cloud_sql_instance == null ? null : var.source_database.cloud_sql_ip_type
    SOURCE_CONNECTIONS         = var.settings.source_connections
    SOURCE_DATABASE_URL        = "sm://${var.project}/${local.secrets.source}/latest"
    SOURCE_TIME_ZONE           = var.settings.source_time_zone
    SOURCE_TLS                 = var.source_database.cloud_sql_instance == null ? var.source_database.tls : null
    SOURCE_TLS_CA              = var.source_database.cloud_sql_instance == null ? var.source_database.tls_ca : null
    STAGING_BUCKET             = local.buckets.staging
    STATEMENT_TIMEOUT_SECONDS  = var.settings.statement_timeout_seconds
    TARGET_DATASET             = local.datasets.target
    TEMP_DATASET               = local.datasets.temp
    TIME_LIMIT_SECONDS         = local.time_limit_seconds
    TOPIC_DEAD_LETTER          = local.topics.dead_letter
    TOPIC_EXTRACT              = local.topics.extract
    TOPIC_MERGE                = local.topics.merge
    TOPIC_RECONCILE            = local.topics.reconcile
    TOPIC_STREAM               = local.topics.stream
    VIEW_DATASET               = local.datasets.view
  }

  # For the Node.js runtime: without it V8 lets short-lived buffers pile up (docs/configuration.md, "Memory").
  runtime_environment = { NODE_OPTIONS = "--max-semi-space-size=2" }

  # A function without access to the source's secret never connects to the source. Its URL leads nowhere.
  no_source = { SOURCE_DATABASE_URL = "postgresql://nobody@localhost/nothing" }

  function_environment = {
    for function, entry in local.functions : function => merge(
      local.runtime_environment,
      {
        for name, value in local.environment : name => tostring(value)
        if value != null && (contains(entry.secrets, "source") || !startswith(name, "SOURCE_")) && (function == "admin" || !startswith(name, "ADMIN_"))
      },
      { for name, value in local.no_source : name => value if !contains(entry.secrets, "source") },
    )
  }

  # Functions reach these instances through Google's connector, for which they need roles/cloudsql.client.
  cloud_sql_instances = {
    control = local.control_cloud_sql.instance
    source  = var.source_database.cloud_sql_instance
  }
  uses_cloud_sql = { for database, instance in local.cloud_sql_instances : database => instance != null }

  # The instances as IAM names them. A project id may contain a colon: example.com:project:region:instance.
  cloud_sql_resources = {
    for database, parts in { for database, instance in local.cloud_sql_instances : database => regex("^(.+):[^:]+:([^:]+)$", instance) if instance != null } :
    database => { project = parts[0], name = "projects/${parts[0]}/instances/${parts[1]}" }
  }

  services = concat(
    [
      "artifactregistry.googleapis.com",
      "bigquery.googleapis.com",
      "bigquerystorage.googleapis.com",
      "cloudbuild.googleapis.com",
      "cloudfunctions.googleapis.com",
      "cloudresourcemanager.googleapis.com",
      "cloudscheduler.googleapis.com",
      "eventarc.googleapis.com",
      "iam.googleapis.com",
      "logging.googleapis.com",
      "monitoring.googleapis.com",
      "pubsub.googleapis.com",
      "run.googleapis.com",
      "secretmanager.googleapis.com",
      "storage.googleapis.com",
    ],
    var.admin_iap == null ? [] : ["compute.googleapis.com", "iap.googleapis.com"],
    var.budget == null ? [] : ["billingbudgets.googleapis.com"],
    anytrue(values(local.uses_cloud_sql)) ? ["sqladmin.googleapis.com"] : [],
    try(var.vpc.network, null) == null ? [] : ["compute.googleapis.com", "vpcaccess.googleapis.com"],
    try(var.control_instance.private_network, null) == null ? [] : ["compute.googleapis.com", "servicenetworking.googleapis.com"],
  )
}
