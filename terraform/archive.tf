locals {
  repository = abspath("${path.module}/..")
  archive    = jsondecode(file("${path.module}/archive.json"))
  archived   = setunion([for pattern in local.archive.include : fileset(local.repository, pattern)]...)
}

# What the functions are built from: the files that archive.json names, and nothing else.
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

# Its name says what is in it: a change in any file is another object, and deploys every function anew.
resource "google_storage_bucket_object" "source" {
  name   = "functions-${data.archive_file.source.output_sha256}.zip"
  bucket = google_storage_bucket.source.name
  source = data.archive_file.source.output_path
}
