# The keys and the attributes are those of docs/stores.md.
resource "aws_dynamodb_table" "config" {
  count = local.table ? 1 : 0

  name                        = var.name
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "realm"
  range_key                   = "key"
  deletion_protection_enabled = var.deletion_protection

  attribute {
    name = "realm"
    type = "S"
  }

  attribute {
    name = "key"
    type = "S"
  }

  ttl {
    attribute_name = "expires"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  # Disabled means the key that AWS owns, not that nothing is encrypted.
  server_side_encryption {
    enabled     = var.table_encryption != "aws_owned"
    kms_key_arn = var.table_encryption == "module_key" ? aws_kms_key.secrets[0].arn : null
  }

  tags = var.tags
}
