locals {
  # Each entry is one chart; a row shows two. `by` names labels of the metric or of its resource.
  dashboard_tiles = [
    {
      title   = "Seconds behind, by view"
      unit    = "seconds"
      filter  = "${local.metric_scope} AND metric.type=\"logging.googleapis.com/user/${google_logging_metric.metric["behind_seconds"].name}\""
      aligner = "ALIGN_PERCENTILE_99"
      reducer = "REDUCE_MAX"
      by      = ["metric.label.view"]
    },
    {
      title   = "Time from change to target, by view"
      unit    = "milliseconds"
      filter  = "${local.metric_scope} AND metric.type=\"logging.googleapis.com/user/${google_logging_metric.metric["lag_milliseconds"].name}\""
      aligner = "ALIGN_PERCENTILE_95"
      reducer = "REDUCE_MAX"
      by      = ["metric.label.view"]
    },
    {
      title   = "Applied batches, by view"
      unit    = "batches"
      filter  = "${local.metric_scope} AND metric.type=\"logging.googleapis.com/user/${google_logging_metric.metric["applied_batches"].name}\""
      aligner = "ALIGN_SUM"
      reducer = "REDUCE_SUM"
      by      = ["metric.label.view"]
    },
    {
      title   = "Views checked by ticks"
      unit    = "views"
      filter  = "${local.metric_scope} AND metric.type=\"logging.googleapis.com/user/${google_logging_metric.metric["views_checked"].name}\""
      aligner = "ALIGN_SUM"
      reducer = "REDUCE_SUM"
      by      = []
    },
    {
      title   = "Rows that differed at a check, by view"
      unit    = "rows"
      filter  = "${local.metric_scope} AND metric.type=\"logging.googleapis.com/user/${google_logging_metric.metric["differences"].name}\""
      aligner = "ALIGN_PERCENTILE_99"
      reducer = "REDUCE_MAX"
      by      = ["metric.label.view"]
    },
    {
      title   = "Failures that need a person, by kind"
      unit    = "failures"
      filter  = "${local.metric_scope} AND metric.type=\"logging.googleapis.com/user/${google_logging_metric.metric["failures"].name}\""
      aligner = "ALIGN_SUM"
      reducer = "REDUCE_SUM"
      by      = ["metric.label.kind"]
    },
    {
      title   = "Retries, by kind"
      unit    = "failures"
      filter  = "${local.metric_scope} AND metric.type=\"logging.googleapis.com/user/${google_logging_metric.metric["retries"].name}\""
      aligner = "ALIGN_SUM"
      reducer = "REDUCE_SUM"
      by      = ["metric.label.kind"]
    },
    {
      title   = "Unread dead letters"
      unit    = "messages"
      filter  = "resource.type=\"pubsub_subscription\" AND resource.labels.subscription_id=\"${google_pubsub_subscription.dead_letter.name}\" AND metric.type=\"pubsub.googleapis.com/subscription/num_undelivered_messages\""
      aligner = "ALIGN_MAX"
      reducer = "REDUCE_SUM"
      by      = []
    },
    {
      title   = "Responses, by function and status class"
      unit    = "requests"
      filter  = "${local.metric_scope} AND metric.type=\"run.googleapis.com/request_count\""
      aligner = "ALIGN_SUM"
      reducer = "REDUCE_SUM"
      by      = ["resource.label.service_name", "metric.label.response_code_class"]
    },
    {
      title   = "Memory, by function"
      unit    = "share of the limit"
      filter  = "${local.metric_scope} AND metric.type=\"run.googleapis.com/container/memory/utilizations\""
      aligner = "ALIGN_PERCENTILE_99"
      reducer = "REDUCE_MAX"
      by      = ["resource.label.service_name"]
    },
    {
      title   = "Instances, by function"
      unit    = "instances"
      filter  = "${local.metric_scope} AND metric.type=\"run.googleapis.com/container/instance_count\""
      aligner = "ALIGN_MAX"
      reducer = "REDUCE_SUM"
      by      = ["resource.label.service_name"]
    },
  ]
}

# The dashboard leaves out zeros and empty lists: the API does not return them, and every plan would add them again.
resource "google_monitoring_dashboard" "overview" {
  dashboard_json = jsonencode({
    displayName = "SMart DataHub${local.suffix}"
    mosaicLayout = {
      columns = 12
      tiles = [
        for index, tile in local.dashboard_tiles : merge(
          { for name, position in { xPos = index % 2 * 6, yPos = floor(index / 2) * 4 } : name => position if position > 0 },
          {
            width  = 6
            height = 4
            widget = {
              title = tile.title
              xyChart = {
                yAxis = { label = tile.unit, scale = "LINEAR" }
                dataSets = [{
                  plotType   = "LINE"
                  targetAxis = "Y1"
                  timeSeriesQuery = {
                    timeSeriesFilter = {
                      filter = tile.filter
                      aggregation = merge(
                        { alignmentPeriod = "300s", perSeriesAligner = tile.aligner, crossSeriesReducer = tile.reducer },
                        { for name, fields in { groupByFields = tile.by } : name => fields if length(fields) > 0 },
                      )
                    }
                  }
                }]
              }
            }
          },
        )
      ]
    }
  })

  depends_on = [google_project_service.required]
}
