locals {
  repository = abspath("${path.module}/..")
  archive    = jsondecode(file("${path.module}/archive.json"))
  archived   = setunion([for pattern in local.archive.include : fileset(local.repository, pattern)]...)
}

# The source archive of the functions: exactly the files that archive.json names.
data "archive_file" "source" {
  type        = "zip"
  output_path = "${path.module}/.terraform/source.zip"

  dynamic "source" {
    for_each = local.archived
    content {
      filename = source.value
      content  = file("${local.repository}/${source.value}")
    }
  }
}

# The name contains a hash of the content. A change in any file creates a new object and redeploys every function.
resource "google_storage_bucket_object" "source" {
  name   = "functions-${data.archive_file.source.output_sha256}.zip"
  bucket = google_storage_bucket.source.name
  source = data.archive_file.source.output_path
}
