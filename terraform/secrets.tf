# The key that encrypts the keys that seal functions' secrets, and the table if it is asked to.

locals {
  kms_uri = var.kms_key ? "awskms://${aws_kms_key.secrets[0].arn}" : null
}

resource "aws_kms_key" "secrets" {
  count = var.kms_key ? 1 : 0

  description             = "Event gateway ${var.name}: encrypts the keys that seal secrets of functions"
  enable_key_rotation     = true
  deletion_window_in_days = 30

  # IAM decides: the two roles may decrypt (iam.tf), and whoever the account's administrators let use it. Nobody outside of the account may.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AsIamSays"
      Effect    = "Allow"
      Action    = "kms:*"
      Principal = { AWS = "arn:${local.partition}:iam::${local.account}:root" }
      Resource  = "*"
    }]
  })
  tags = var.tags
}

resource "aws_kms_alias" "secrets" {
  count = var.kms_key ? 1 : 0

  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.secrets[0].key_id
}
